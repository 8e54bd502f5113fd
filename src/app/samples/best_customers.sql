-- Who are the twenty customers that spent the most, and when did they last order?
SELECT c.customer_id, c.name, c.city, c.tier, count(*) AS orders,
       round(sum(o.total), 2) AS spent, max(o.ordered_at) AS last_order
FROM customers c
JOIN orders o USING (customer_id)
WHERE o.status = 'completed'
GROUP BY ALL
ORDER BY spent DESC, c.customer_id
LIMIT 20;
