-- Which categories are bought together in one order?
WITH kinds AS (
    SELECT DISTINCT s.order_id, p.category FROM sales s JOIN products p USING (product_id)
)
SELECT a.category AS one, b.category AS other, count(*) AS orders
FROM kinds a
JOIN kinds b ON a.order_id = b.order_id AND a.category < b.category
GROUP BY ALL
ORDER BY orders DESC, one, other
LIMIT 15;
