/* hi */ explain -- there
 analyze SELECT * FROM web_logs;;