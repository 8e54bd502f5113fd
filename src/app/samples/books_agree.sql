-- Do the books agree with the transactions? Every difference must be 0.
SELECT f.month,
       round(f.revenue - coalesce(sum(t.amount) FILTER (t.kind = 'payment'), 0), 2) AS revenue_off,
       round(f.refunds + coalesce(sum(t.amount) FILTER (t.kind = 'refund'), 0), 2) AS refunds_off
FROM finance f
LEFT JOIN transactions t ON CAST(date_trunc('month', t.booked_at) AS DATE) = f.month
GROUP BY f.month, f.revenue, f.refunds
ORDER BY f.month;
