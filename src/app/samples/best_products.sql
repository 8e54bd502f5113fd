-- Which ten products bring the most revenue, and with which margin?
SELECT p.product_id, p.name, p.category, sum(s.quantity) AS pieces,
       round(sum(s.amount), 2) AS revenue,
       round(100 * (1 - sum(s.quantity * p.cost) / sum(s.amount)), 1) AS margin_percent
FROM sales s
JOIN products p USING (product_id)
JOIN orders o USING (order_id)
WHERE o.status = 'completed'
GROUP BY ALL
ORDER BY revenue DESC, p.product_id
LIMIT 10;
