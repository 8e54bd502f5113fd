import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import { useState } from "react";
import { Play, Trash2, Plus } from "lucide-react";
import { queryClient } from "@/api/queries";
import { applyTheme } from "@/app/theme";
import { Page } from "@/app/page";
import { Problem } from "@/api/problem";
import { Button, IconButton } from "@/ui/button";
import { Card, Stat } from "@/ui/card";
import { Badge, StateBadge } from "@/ui/badge";
import { Checkbox, Field, Input, Select, Slider, Switch, Textarea } from "@/ui/field";
import { Tabs, Segments } from "@/ui/tabs";
import { ConfirmDialog, Drawer } from "@/ui/dialog";
import { Menu } from "@/ui/menu";
import { toast, toastError, Toaster } from "@/ui/toast";
import { TooltipProvider } from "@/ui/tooltip";
import { EmptyState, ErrorCard, Skeleton } from "@/ui/states";
import { CodeBlock, CopyAsCurl } from "@/ui/copy";
import { KeyValue } from "@/ui/keyvalue";
import { JsonTree } from "@/ui/json-tree";
import { VirtualGrid, type GridSort } from "@/ui/grid";
import { TimeChart } from "@/ui/time-chart";
import "./src/styles.css";
applyTheme();
const now = Date.now();
const t = Array.from({ length: 900 }, (_, i) => now - (900 - i) * 1000);
const mk = (k: number) => t.map((_, i) => (i > 400 && i < 450 ? Number.NaN : 1000 + 500 * Math.sin(i / (20 + k * 7)) + k * 300 + ((i * 7919) % 97)));
const series = ["view", "click", "purchase", "login", "error", "scroll", "signup", "other"].map((label, k) => ({ label, values: mk(k) }));
const cols = [
  { id: "id", header: "id", type: "BIGINT", value: (r: unknown[]) => r[0], width: 200 },
  { id: "name", header: "name", type: "VARCHAR", value: (r: unknown[]) => r[1] },
  { id: "amount", header: "amount", type: "DECIMAL(18,2)", value: (r: unknown[]) => r[2] },
  { id: "nul", header: "maybe", type: "VARCHAR", value: (r: unknown[]) => r[3] },
  ...Array.from({ length: 40 }, (_, i) => ({ id: `c${i}`, header: `column ${i}`, type: "DOUBLE", value: (r: unknown[]) => Number(r[4]) * i })),
];
const load = async (o: number, l: number) => { await new Promise((r) => setTimeout(r, 60)); return Array.from({ length: l }, (_, i) => [String(9223372036854000000n + BigInt(o + i)), `row ${o + i}`, "12345.67", (o + i) % 3 ? "x" : null, (o + i) / 7]); };
function Gallery() {
  const [tab, setTab] = useState("one"); const [seg, setSeg] = useState("table"); const [sw, setSw] = useState(true); const [sl, setSl] = useState(400);
  const [dr, setDr] = useState(location.hash === "#drawer"); const [co, setCo] = useState(location.hash === "#confirm"); const [sort, setSort] = useState<GridSort | null>({ column: "id", descending: true });
  return (
    <TooltipProvider>
      <Page title="Gallery" badge={<StateBadge state="ok" />} subtitle="All widgets" actions={<><Button icon={Play} variant="primary">Run</Button><Button>Second</Button><Button variant="danger" icon={Trash2} onClick={() => setCo(true)}>Delete</Button><IconButton icon={Plus} label="Add" /><Menu trigger={<Button>Menu</Button>} items={[{ label: "One", onSelect: () => toast("Copied") }, { label: "Two", danger: true, separated: true, onSelect: () => toastError("No", new Error("because")) }]} /></>}>
        <div className="grid grid-cols-2 gap-3 md:grid-cols-4">
          <Stat label="Events in" value="12.3 k" unit="/s" points={mk(1).slice(-120)} delta={{ text: "+12 %", direction: "up", good: true }} />
          <Stat label="Lag" value="1,204" unit="events" points={mk(2).slice(-120)} delta={{ text: "+300 %", direction: "up", good: false }} tone="warn" />
          <Stat label="Errors" value="3" unit="/s" tone="error" note="last: 10:04:05" />
          <Stat label="Disk free" value="42" unit="GiB" stale="as of 10:03:59" points={mk(0).slice(-60)} />
        </div>
        <div className="flex flex-wrap gap-2">{["ok", "running", "degraded", "failed", "stopped", "slowed", "cancelled", "waiting", "strange"].map((s) => <StateBadge key={s} state={s} />)}<Badge tone="info">info</Badge><Badge tone="accent">accent</Badge></div>
        <div className="grid gap-3 md:grid-cols-2">
          <Card title="Events by type" note="per second" flush><TimeChart label="Events by type" time={t} series={series} zone="utc" onSpan={() => {}} syncKey="a" /></Card>
          <Card title="Stacked" flush><TimeChart label="Stacked" time={t} series={series.slice(0, 4)} stacked kind="area" syncKey="a" /></Card>
          <Card title="Bars" flush><TimeChart label="Bars" time={t.filter((_, i) => i % 30 === 0)} series={[{ label: "n", values: mk(3).filter((_, i) => i % 30 === 0) }]} kind="bars" bare /></Card>
          <Card title="Empty" flush><TimeChart label="Empty" time={[]} series={[{ label: "n", values: [] }]} /></Card>
        </div>
        <Tabs label="t" value={tab} onChange={setTab} items={[{ value: "one", label: "Records" }, { value: "two", label: "Dead", badge: <Badge tone="error">12</Badge> }, { value: "three", label: "Settings" }]}>
          <VirtualGrid label="big" columns={cols} rowCount={10_000_000} loadWindow={load} sort={sort} onSort={setSort} onOpen={() => setDr(true)} openIndex={3} className="h-80" />
        </Tabs>
        <div className="grid gap-4 md:grid-cols-3">
          <Card title="Form"><div className="flex flex-col gap-3">
            <Field label="Name" hint="Letters and digits"><Input placeholder="orders" /></Field>
            <Field label="Rate" error="Must be above zero"><Input defaultValue="-1" /></Field>
            <Field label="Kind"><Select value="a" onChange={() => {}} options={[{ value: "a", label: "Alpha" }, { value: "b", label: "Beta" }]} /></Field>
            <Field label="Text"><Textarea rows={2} defaultValue="{}" /></Field>
            <Checkbox label="Check me" defaultChecked onChange={() => {}} /><Switch label="Switch" checked={sw} onChange={setSw} />
            <Slider aria-label="rate" value={sl} min={0} max={1000} onChange={setSl} text={`${sl} events/s`} />
            <Segments label="view" value={seg} onChange={setSeg} items={[{ value: "table", label: "Table" }, { value: "chart", label: "Chart" }]} />
          </div></Card>
          <Card title="Details" actions={<CopyAsCurl plan={{ method: "GET", path: "api/v1/topics" }} />}><KeyValue items={[["Topic", "orders"], ["Partitions", "4"], ["Reason", "A long reason that breaks over the end of the line because it is long"]]} /><JsonTree className="mt-3" value={{ a: 1, big: 9223372036854775807n, text: "<script>alert(1)</script>", list: [1, 2, { x: null }], ok: true }} /></Card>
          <Card title="States"><EmptyState title="No topics yet" reason="A topic is made by the first event sent to it." action={<Button variant="primary">Make a topic</Button>} command="curl -sS -d '{}' http://localhost:8080/api/v1/topics/orders/events" /><ErrorCard what="The topics could not be loaded." error={new Problem({ code: "topic_not_found", status: 404, detail: "There is no topic orders." })} retry={() => {}} /><Skeleton className="mt-3" /></Card>
        </div>
        <CodeBlock text={"SELECT count(*)\nFROM orders"} label="SQL" />
      </Page>
      <Drawer open={dr} onClose={() => setDr(false)} title="orders / 0 / 17" description="2026-11-21 10:00:00"><JsonTree value={{ a: 1 }} /></Drawer>
      <ConfirmDialog open={co} onClose={() => setCo(false)} title="Delete topic" action="Delete topic" typedName="orders" onConfirm={async () => { throw new Error("refused"); }}>It deletes the log.</ConfirmDialog>
      <Toaster />
    </TooltipProvider>
  );
}
const router = createRouter({ routeTree: createRootRoute({ component: Gallery }), history: createMemoryHistory() });
const el = document.getElementById("root"); if (el) createRoot(el).render(<QueryClientProvider client={queryClient}><RouterProvider router={router as never} /></QueryClientProvider>);
