-- How much of the money paid by each method goes back, and after how many days?
SELECT pay.method, count(*) AS payments, count(back.transaction_id) AS refunds,
       round(100.0 * count(back.transaction_id) / count(*), 1) AS refund_percent,
       round(avg(date_diff('day', pay.booked_at, back.booked_at)), 1) AS days
FROM transactions pay
LEFT JOIN transactions back ON back.order_id = pay.order_id AND back.kind = 'refund'
WHERE pay.kind = 'payment'
GROUP BY pay.method
ORDER BY refund_percent DESC, pay.method;
