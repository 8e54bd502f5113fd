-- How does revenue add up over a year, day by day, beside the year before?
WITH days AS (
    SELECT CAST(booked_at AS DATE) AS day, sum(amount) AS amount FROM transactions GROUP BY ALL
)
SELECT dayofyear(day) AS day_of_year,
       round(sum(sum(amount) FILTER (year(day) = 2024)) OVER w, 2) AS in_2024,
       round(sum(sum(amount) FILTER (year(day) = 2025)) OVER w, 2) AS in_2025
FROM days
GROUP BY day_of_year
WINDOW w AS (ORDER BY dayofyear(day))
ORDER BY day_of_year;
