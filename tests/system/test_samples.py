# SPDX-License-Identifier: MIT
"""`tarn sample`: tables that agree with each other, and queries over them that say something."""
import subprocess
from pathlib import Path

import duckdb
import pytest
from harness.server import wait_for

TABLES = {"employees", "products", "customers", "marketing", "orders", "sales", "transactions",
          "reviews", "finance"}
QUERIES = sorted(p.stem for p in
                 (Path(__file__).resolve().parents[2] / "src/app/samples").glob("*.sql"))

# Each must give no row.
MUST_BE_EMPTY = {
    "an order's customer exists":
        "SELECT 1 FROM orders ANTI JOIN customers USING (customer_id)",
    "an order's employee exists":
        "SELECT 1 FROM orders ANTI JOIN employees USING (employee_id) WHERE employee_id > 0",
    "an order's campaign exists, and ran that day":
        """SELECT 1 FROM orders o LEFT JOIN marketing m USING (campaign_id)
           WHERE o.campaign_id > 0 AND NOT coalesce(CAST(o.ordered_at AS DATE)
                 BETWEEN m.starts_on AND m.ends_on, false)""",
    "an order's total is the sum of its lines":
        """SELECT 1 FROM orders o JOIN sales s USING (order_id) GROUP BY o.order_id
           HAVING abs(any_value(o.total) - sum(s.amount)) > 0.001
               OR any_value(o.line_count) <> count(*)""",
    "no order is without lines, no line without an order":
        "SELECT 1 FROM orders FULL JOIN sales USING (order_id) WHERE sale_id IS NULL OR total IS NULL",
    "a line's product exists and has its price":
        """SELECT 1 FROM sales s LEFT JOIN products p USING (product_id)
           WHERE p.price IS DISTINCT FROM s.unit_price""",
    "an amount is pieces times price less the discount":
        """SELECT 1 FROM sales
           WHERE abs(quantity * unit_price * (1 - discount_percent / 100) - amount) > 0.011""",
    "a payment is its order's total, by its customer, afterwards":
        """SELECT 1 FROM transactions t LEFT JOIN orders o USING (order_id)
           WHERE t.kind = 'payment' AND NOT coalesce(t.amount = o.total AND t.booked_at > o.ordered_at
                 AND t.customer_id = o.customer_id AND o.status <> 'cancelled', false)""",
    "a refund takes back a payment":
        """SELECT 1 FROM transactions b LEFT JOIN transactions p
             ON p.order_id = b.order_id AND p.kind = 'payment'
           WHERE b.kind = 'refund' AND NOT coalesce(b.amount = -p.amount AND b.booked_at > p.booked_at, false)""",
    "what was completed was paid once, what was refunded also given back":
        """SELECT 1 FROM orders o LEFT JOIN transactions t USING (order_id) GROUP BY o.order_id
           HAVING count(t.transaction_id) <> CASE any_value(o.status) WHEN 'completed' THEN 1
                                             WHEN 'refunded' THEN 2 ELSE 0 END""",
    "a review is about something that its author bought, afterwards":
        """SELECT 1 FROM reviews r LEFT JOIN orders o USING (order_id)
             LEFT JOIN (SELECT DISTINCT order_id, product_id FROM sales) s
               ON s.order_id = r.order_id AND s.product_id = r.product_id
           WHERE NOT coalesce(r.customer_id = o.customer_id AND r.reviewed_at > o.ordered_at
                 AND s.product_id > 0 AND r.rating BETWEEN 1 AND 5, false)""",
    "customers joined before they ordered":
        """SELECT 1 FROM orders JOIN customers USING (customer_id)
           WHERE joined_on > CAST(ordered_at AS DATE)""",
    "managers were there before":
        """SELECT 1 FROM employees e LEFT JOIN employees m ON m.employee_id = e.manager_id
           WHERE e.manager_id > 0 AND NOT coalesce(m.hired_on <= e.hired_on, false)""",
    "finance: revenue and refunds are the transactions of the month":
        """SELECT 1 FROM finance f LEFT JOIN transactions t
             ON date_trunc('month', t.booked_at AT TIME ZONE 'UTC') = f.month
           GROUP BY f.month, f.revenue, f.refunds
           HAVING abs(f.revenue - f.refunds - coalesce(sum(t.amount), 0)) > 0.001
               OR abs(f.revenue - coalesce(sum(t.amount) FILTER (t.kind = 'payment'), 0)) > 0.001""",
    "finance: all transactions fall in one of its months":
        """SELECT 1 FROM transactions WHERE date_trunc('month', booked_at AT TIME ZONE 'UTC')
           NOT IN (SELECT month FROM finance)""",
    "finance: marketing is the campaigns' spend":
        """SELECT 1 FROM finance f LEFT JOIN marketing m
             ON date_trunc('month', m.starts_on) = f.month
           GROUP BY f.month, f.marketing
           HAVING abs(f.marketing - coalesce(sum(m.spend), 0)) > 0.001""",
    "finance: salaries are a twelfth of the year's":
        "SELECT 1 FROM finance WHERE abs(salaries - (SELECT sum(salary) / 12 FROM employees)) > 0.001",
    "finance: the goods of what was paid":
        """SELECT 1 FROM (SELECT sum(cost_of_goods) AS booked FROM finance),
             (SELECT sum(s.quantity * p.cost) AS cost FROM sales s JOIN products p USING (product_id)
              JOIN orders o USING (order_id) WHERE o.status <> 'cancelled')
           WHERE abs(booked - cost) > 0.01""",
    "finance: profit is what is left":
        """SELECT 1 FROM finance WHERE abs(revenue - refunds - cost_of_goods - marketing - salaries
                                           - profit) > 0.001""",
    "ids are unique":
        " UNION ALL ".join(
            f"(SELECT 1 FROM {table} GROUP BY {column} HAVING count(*) > 1)" for table, column in
            (("orders", "order_id"), ("sales", "sale_id"), ("transactions", "transaction_id"),
             ("reviews", "review_id"), ("customers", "customer_id"), ("products", "product_id"),
             ("employees", "employee_id"), ("finance", "month"))),
}


def sample(tarn_bin, folder, *words, code=0):
    done = subprocess.run([str(tarn_bin), "sample", str(folder), *map(str, words)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return done.stderr


def database(folder):
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for path in Path(folder).iterdir():
        if path.suffix in (".csv", ".parquet"):
            con.execute(f"CREATE VIEW {path.stem} AS SELECT * FROM '{path}'")
    return con


@pytest.fixture(scope="module")
def samples(tarn_bin, tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    sample(tarn_bin, folder)
    return folder


def test_all_tables_are_there_with_rows(samples):
    found = {p.stem: p for p in samples.iterdir() if p.is_file()}
    assert set(found) == TABLES
    con = database(samples)
    for table in TABLES:
        assert con.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 5
    assert con.execute("SELECT count(*) FROM orders").fetchone() == (10000,)


@pytest.mark.parametrize("rows, seed", [(10000, 1), (1, 3), (60, 9), (3000, 12345)])
def test_tables_agree_with_each_other(tarn_bin, samples, tmp_path, rows, seed):
    folder = samples
    if rows != 10000:
        folder = tmp_path / "files"
        sample(tarn_bin, folder, "--rows", rows, "--seed", seed)
    con = database(folder)
    for what, sql in MUST_BE_EMPTY.items():
        if rows == 1 and "reviews" in sql or rows == 1 and "refund" in what:
            continue  # a file without rows has no types
        assert con.execute(sql).fetchall() == [], what


@pytest.mark.parametrize("name", QUERIES)
def test_sample_queries_answer(samples, name):
    text = (samples / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    assert text.startswith("-- ") and text.splitlines()[0].rstrip("0. ").rstrip().endswith(
        ("?", "must be")), "it says what it answers"
    con = database(samples)
    con.execute(f"CREATE TABLE answer AS {text}")
    assert con.execute("SELECT count(*) FROM answer").fetchone()[0] > 0
    if name == "books_agree":
        assert con.execute("SELECT DISTINCT revenue_off, refunds_off FROM answer"
                           ).fetchall() == [(0, 0)]


def test_the_same_seed_gives_the_same_tables(tarn_bin, samples, tmp_path):
    sample(tarn_bin, tmp_path / "again")
    sample(tarn_bin, tmp_path / "other", "--seed", 2)
    first, again, other = (database(f) for f in
                           (samples, tmp_path / "again", tmp_path / "other"))
    for table in TABLES:
        sql = f"SELECT CAST(t AS VARCHAR) FROM {table} t ORDER BY ALL"
        rows = first.execute(sql).fetchall()
        assert rows == again.execute(sql).fetchall()
        assert rows != other.execute(sql).fetchall()


def test_nothing_is_overwritten_and_words_are_checked(tarn_bin, samples):
    before = (samples / "employees.csv").read_bytes()
    assert "employees.csv" in sample(tarn_bin, samples, "--seed", 5, code=1)
    assert (samples / "employees.csv").read_bytes() == before
    assert "--rows must be a number" in sample(tarn_bin, samples, "--rows", 0, code=2)
    sample(tarn_bin, samples, "more", code=2)


def test_in_the_files_folder_they_are_tables_and_keys_of_producers_meet(server, connect, tarn_bin):
    one = server()
    client = connect(one)
    sample(tarn_bin, one.data / "files")
    wait_for(lambda: client.post_query("SELECT 1 FROM finance").status_code == 200, 30,
             "the files to be tables", 0.2)
    assert client.value("SELECT count(*) FROM orders") == 10000
    for path in sorted((one.data / "files" / "queries").iterdir()):
        answer = client.post_query(path.read_text(encoding="utf-8"))
        assert answer.status_code == 200, (path.name, answer.text)
    made = client.http.post("/api/v1/producers", json={
        "name": "paid", "preset": "transactions", "spec": {"rate": 5000, "count": 2000}})
    assert made.status_code == 201
    wait_for(lambda: client.http.get("/api/v1/producers/paid").json()["state"] == "finished", 20,
             "the producer to finish")
    assert client.value("""SELECT count(*) FROM transaction_events t JOIN customers USING
        (customer_id) JOIN products p ON p.product_id = t.product_id AND p.name = t.product
        AND p.price = t.unit_price""") == 2000
    one.stop()
