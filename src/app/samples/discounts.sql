-- What do discounts cost, and do they make people buy more pieces?
SELECT discount_percent, count(*) AS lines, round(avg(quantity), 2) AS pieces,
       round(sum(quantity * unit_price - amount), 2) AS given_away
FROM sales
GROUP BY discount_percent
ORDER BY discount_percent;
