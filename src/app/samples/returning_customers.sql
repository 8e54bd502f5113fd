-- How many customers of each tier come back after their first order?
WITH bought AS (
    SELECT c.tier, c.customer_id, count(o.order_id) AS orders
    FROM customers c
    LEFT JOIN orders o ON o.customer_id = c.customer_id AND o.status <> 'cancelled'
    GROUP BY ALL
)
SELECT tier, count(*) AS customers, count(*) FILTER (orders >= 1) AS bought,
       count(*) FILTER (orders >= 2) AS came_back,
       round(100.0 * count(*) FILTER (orders >= 2) / greatest(count(*) FILTER (orders >= 1), 1), 1)
           AS came_back_percent
FROM bought
GROUP BY tier
ORDER BY tier;
