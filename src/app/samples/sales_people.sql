-- Who in the team sells the most, and who leads them?
SELECT e.employee_id, e.name, m.name AS manager, count(o.order_id) AS orders,
       round(sum(o.total), 2) AS revenue
FROM orders o
JOIN employees e USING (employee_id)
LEFT JOIN employees m ON m.employee_id = e.manager_id
WHERE o.status = 'completed'
GROUP BY ALL
ORDER BY revenue DESC, e.employee_id
LIMIT 10;
