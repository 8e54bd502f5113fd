// types.ts - the documents of the API as the page uses them, by hand from docs/openapi.json (whose
// truth the server's own tests hold). Fields that older or smaller answers leave out are optional.

export interface Topic {
  name: string;
  table: string;
  uuid: string;
  created?: string;
  partitions: number;
  events?: number;
  bytes?: number;
  lag_events?: number;
  slowed?: boolean;
  /** Damaged, or waiting for space. */
  partitions_not_ok?: number;
  durability?: "fsync" | "page_cache";
  segment_bytes?: number;
  retention_ms?: number;
  retention_bytes?: number;
  flush_bytes?: number;
  flush_rows?: number;
  flush_age_ms?: number;
  unlanded_rows_max?: number;
  key?: string | null;
  time?: string | null;
  partition_by?: string[];
  gaps?: { partition?: number; from?: number; next?: number }[];
  partition_list?: Partition[];
  schema_version?: number | null;
}

export interface Partition {
  partition: number;
  start: number;
  end: number;
  bytes?: number;
  committed?: number;
  dead_next?: number;
  state: "ok" | "damaged" | "waiting_for_space";
  reason?: string;
}

export type TopicSettings = Partial<
  Pick<
    Topic,
    | "partitions"
    | "durability"
    | "segment_bytes"
    | "retention_ms"
    | "retention_bytes"
    | "flush_bytes"
    | "flush_rows"
    | "flush_age_ms"
    | "unlanded_rows_max"
    | "key"
    | "time"
    | "partition_by"
  >
>;

export interface EventRecord {
  partition: number;
  offset: number;
  timestamp: string;
  key: string | null;
  value: unknown;
  /** `value` is the beginning as text, `bytes` the whole length. */
  truncated?: boolean;
  bytes?: number;
  headers?: Record<string, string | null | { base64: string }>;
}

export interface Records {
  records: EventRecord[];
  /** Send it as `after`; null when nothing is left. */
  next: number | string | null;
  scanned: number;
  /** Of one partition only. */
  start?: number;
  end?: number;
}

export interface Column {
  name: string;
  type: string;
  provisional?: boolean;
}

/** Of the list. */
export interface Table {
  name: string;
  schema?: string;
  topic?: string;
  /** Of the files folder: the file's own name, and when it changed. */
  file?: string;
  modified?: string;
  version?: number;
  rows?: number;
  files?: number;
  bytes?: number;
  dead_rows?: number;
  dead_version?: number;
  lag_events?: number;
  /** How many. */
  columns?: number;
  state?: string;
  reason?: string;
  last_commit?: string;
}

/** One table described. */
export interface TableDetail extends Omit<Table, "columns"> {
  columns: Column[];
  /** Below the data folder. */
  path?: string;
  id?: string;
  /** Of the newest commit. */
  timestamp?: string;
  created?: string;
  partition_columns?: string[];
  properties?: Record<string, string>;
  tombstones?: number;
  txns?: { app_id: string; version: number; last_updated?: string }[];
  checkpoint_version?: number | null;
  protocol?: {
    reader_version: number;
    writer_version: number;
    reader_features?: string[];
    writer_features?: string[];
  };
}

export interface Commit {
  version: number;
  timestamp: string;
  operation: string;
  parameters?: Record<string, unknown>;
  metrics?: Record<string, string>;
  engine?: string | null;
  user?: string | null;
  files_added: number;
  files_removed: number;
  bytes_added: number;
  bytes_removed: number;
  rows_added?: number | null;
  is_blind_append?: boolean;
  txn_id?: string;
}

export interface DataFile {
  path: string;
  bytes: number;
  rows?: number | null;
  modified?: string;
  partition: Record<string, string | null>;
  stats?: {
    numRecords?: number;
    minValues?: Record<string, unknown>;
    maxValues?: Record<string, unknown>;
    nullCount?: Record<string, unknown>;
  } | null;
}

export interface TableSchema {
  name: string;
  version: number;
  columns: Column[];
  partition_columns: string[];
}

export interface CatalogTable {
  schema: string;
  name: string;
  kind: "topic" | "dead" | "import" | "file";
  /** In the table; null where that is not known without reading. */
  rows?: number | null;
  /** Of a topic: not in the table yet, but queries see them. */
  lag_events?: number;
  columns: { name: string; type: string }[];
}

export type ComponentState = "ok" | "degraded" | "failed";

export interface HealthComponent {
  component: string;
  state: string;
  reason: string;
  /** Since when it is in this state. */
  since?: string;
  /** What was wrong last, also when all is well again. */
  last_error?: string | null;
  last_error_at?: string | null;
  /** The console's page where one looks next. */
  link?: string;
  /** Of producers and imports: how many. */
  running?: number;
}

export interface Health {
  state: ComponentState;
  version?: string;
  uptime_seconds?: number;
  components: HealthComponent[];
  processes?: { role?: string; pid?: number; restarts?: number; pss_bytes?: number }[];
  memory_bytes?: number;
  memory_bound_bytes?: number;
}

export interface Info {
  name: string;
  version: string;
  build?: string;
  uptime_seconds: number;
  topics?: number;
  limits?: {
    memory_bytes?: number;
    body_bytes?: number;
    record_bytes?: number;
    nesting?: number;
    query_timeout_ms?: number;
  };
}

export interface SessionInfo {
  needed: boolean;
  signed_in: boolean;
}

export interface SavedQuery {
  name: string;
  sql: string;
  description: string;
  tags: string[];
  version: number;
  created: string;
  updated: string;
}

export interface RunningQuery {
  id?: number;
  state?: string;
  elapsed_ms?: number;
  percent?: number | null;
  rows?: number;
  bytes?: number;
  sql?: string;
  rows_read?: number;
  rows_total?: number;
  bytes_read?: number;
  bytes_total?: number;
  tag?: string;
}

export type ProducerState = "stopped" | "running" | "slowed" | "finished" | "failed";

export interface ProducerSpec {
  topic?: string;
  rate?: number | Record<string, unknown>;
  count?: number;
  duration_s?: number;
  seed?: number;
  template?: Record<string, unknown>;
  types?: { name: string; weight?: number; template: Record<string, unknown> }[];
  weights?: Record<string, number>;
  bad?: { share: number; kinds?: string[] };
}

export interface ProducerPreset {
  name: string;
  label: string;
  about: string;
  topic: string;
  spec: ProducerSpec;
}

export interface Producer {
  name: string;
  topic: string;
  preset?: string | null;
  state: ProducerState;
  sent: number;
  rejected: number;
  skipped?: number;
  rate_now?: number;
  rate_wanted?: number;
  created?: string;
  started?: string | null;
  last_error?: string | null;
  last_error_at?: string | null;
  spec?: ProducerSpec;
}

export interface Import {
  id?: string;
  table?: string;
  mode?: string;
  format?: string;
  file?: string;
  state?:
    | "waiting"
    | "checking"
    | "receiving"
    | "reading"
    | "publishing"
    | "done"
    | "failed"
    | "cancelled";
  bytes?: number;
  percent?: number | null;
  rows?: number;
  started?: string;
  elapsed_ms?: number;
  version?: number | null;
  error?: { code?: string; detail?: string };
}
