-- Where do the customers live, and what is an order worth there?
SELECT c.country, count(DISTINCT c.customer_id) AS customers, count(*) AS orders,
       round(avg(o.total), 2) AS order_value, round(median(o.total), 2) AS median_value
FROM orders o
JOIN customers c USING (customer_id)
WHERE o.status = 'completed'
GROUP BY c.country
ORDER BY orders DESC, c.country;
