-- At which hours of which weekdays do orders come in?
SELECT isodow(ordered_at) AS weekday, hour(ordered_at) AS hour, count(*) AS orders
FROM orders
GROUP BY ALL
ORDER BY weekday, hour;
