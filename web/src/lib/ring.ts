// ring.ts - bounded memory for what streams in. `Ring` keeps the newest objects; `SeriesBuffer`
// keeps the newest points of many series over one time axis as typed arrays, whose views go to a
// chart without a copy.

export class Ring<T> {
  readonly #slots: (T | undefined)[];
  #next = 0;
  #length = 0;
  /** How many were ever pushed: the number of an item is stable while it is kept. */
  total = 0;

  constructor(readonly capacity: number) {
    this.#slots = new Array<T | undefined>(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** The number (see `total`) of the oldest item that is kept. */
  get first(): number {
    return this.total - this.#length;
  }

  push(item: T): void {
    this.#slots[this.#next] = item;
    this.#next = (this.#next + 1) % this.capacity;
    if (this.#length < this.capacity) this.#length++;
    this.total++;
  }

  /** 0 is the oldest kept. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#slots[(this.#next - this.#length + index + this.capacity) % this.capacity];
  }

  /** From the oldest to the newest. */
  toArray(): T[] {
    return Array.from({ length: this.#length }, (_, i) => this.at(i) as T);
  }

  clear(): void {
    this.#slots.fill(undefined);
    this.#next = 0;
    this.#length = 0;
  }
}

type Column = readonly (number | null)[];

export class SeriesBuffer {
  readonly #columns = new Map<string, Float64Array>();
  #time: Float64Array;
  #start = 0;
  #end = 0;

  constructor(readonly capacity: number) {
    this.#time = new Float64Array(capacity * 2);
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Of the newest point; undefined when empty. */
  get lastTime(): number | undefined {
    return this.length > 0 ? this.#time[this.#end - 1] : undefined;
  }

  names(): string[] {
    return [...this.#columns.keys()];
  }

  /** Views of the kept points; valid until the next append. A missing value is NaN. */
  time(): Float64Array {
    return this.#time.subarray(this.#start, this.#end);
  }

  column(name: string): Float64Array | undefined {
    return this.#columns.get(name)?.subarray(this.#start, this.#end);
  }

  /** Adds points newer than the last one; older ones were already had and are passed over. */
  append(time: readonly number[], columns: Readonly<Record<string, Column>>): void {
    for (const name of Object.keys(columns)) this.#ensure(name);
    time.forEach((at, i) => {
      const last = this.lastTime;
      if (last !== undefined && at <= last) return;
      this.#room();
      this.#time[this.#end] = at;
      for (const [name, storage] of this.#columns) {
        storage[this.#end] = columns[name]?.[i] ?? Number.NaN;
      }
      this.#end++;
      if (this.length > this.capacity) this.#start++;
    });
  }

  /** Forgets series that had no value in any kept point (a topic that went away). */
  prune(): void {
    for (const name of this.names()) {
      if (this.column(name)?.every((v) => Number.isNaN(v))) this.#columns.delete(name);
    }
  }

  clear(): void {
    this.#columns.clear();
    this.#start = 0;
    this.#end = 0;
  }

  #ensure(name: string): void {
    if (this.#columns.has(name)) return;
    this.#columns.set(name, new Float64Array(this.capacity * 2).fill(Number.NaN));
  }

  #room(): void {
    if (this.#end < this.capacity * 2) return;
    const keep = this.capacity - 1;
    const from = this.#end - keep;
    this.#time.copyWithin(0, from, this.#end);
    for (const storage of this.#columns.values()) {
      storage.copyWithin(0, from, this.#end);
      storage.fill(Number.NaN, keep);
    }
    this.#start = 0;
    this.#end = keep;
  }
}
