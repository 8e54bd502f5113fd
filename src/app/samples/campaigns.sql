-- What did each campaign bring for what it cost?
SELECT m.campaign_id, m.name, m.channel, m.spend, m.clicks, count(o.order_id) AS orders,
       round(coalesce(sum(o.total), 0), 2) AS revenue,
       round(coalesce(sum(o.total), 0) / m.spend, 2) AS revenue_per_euro
FROM marketing m
LEFT JOIN orders o ON o.campaign_id = m.campaign_id AND o.status = 'completed'
GROUP BY m.campaign_id, m.name, m.channel, m.spend, m.clicks
ORDER BY revenue_per_euro DESC, m.campaign_id;
