-- What do customers who joined in the same quarter spend in their first and second half year?
WITH spent AS (
    SELECT date_trunc('quarter', c.joined_on) AS joined, c.customer_id,
           sum(o.total) FILTER (date_diff('day', c.joined_on, CAST(o.ordered_at AS DATE)) < 182)
               AS first_half,
           sum(o.total) FILTER (date_diff('day', c.joined_on, CAST(o.ordered_at AS DATE))
                                BETWEEN 182 AND 364) AS second_half
    FROM customers c
    JOIN orders o USING (customer_id)
    WHERE o.status = 'completed' AND c.joined_on >= DATE '2024-01-01'
    GROUP BY ALL
)
SELECT joined, count(*) AS customers, round(sum(first_half), 2) AS first_half,
       round(sum(second_half), 2) AS second_half
FROM spent
GROUP BY joined
ORDER BY joined;
