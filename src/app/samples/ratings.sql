-- How are the categories rated, and how many of the reviews are bad?
SELECT p.category, count(*) AS reviews, round(avg(r.rating), 2) AS rating,
       round(100.0 * count(*) FILTER (r.rating <= 2) / count(*), 1) AS bad_percent
FROM reviews r
JOIN products p USING (product_id)
GROUP BY ALL
ORDER BY rating DESC, p.category;
