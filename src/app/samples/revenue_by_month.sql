-- How do revenue and profit grow from month to month?
SELECT month, revenue, profit,
       round(100 * (revenue / lag(revenue) OVER (ORDER BY month) - 1), 1) AS growth_percent
FROM finance
ORDER BY month;
