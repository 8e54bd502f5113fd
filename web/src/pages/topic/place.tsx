// place.tsx - what lies at a place (partition and offset) of a topic, be it a record or a dead
// letter: the columns that say where, and the drawer that shows it beside its list.
import { Link } from "@tanstack/react-router";
import { SquareTerminal } from "lucide-react";
import type { ReactNode } from "react";
import type { RequestPlan } from "@/api/client";
import type { Topic } from "@/api/types";
import { grouped } from "@/lib/numbers";
import type { Zone } from "@/lib/zone";
import { ButtonLike } from "@/ui/button";
import { CopyAsCurl } from "@/ui/copy";
import { Drawer } from "@/ui/dialog";
import type { GridColumn } from "@/ui/grid";
import { Instant } from "@/ui/instant";
import { readId, rowSql } from "./record";

interface Placed {
  partition: number;
  offset: number;
  timestamp: string;
}

/** When, in which partition, at which offset. */
export function placeColumns<R extends Placed>(zone: Zone): GridColumn<R>[] {
  return [
    {
      id: "time",
      header: "Stored",
      width: 192,
      value: (row) => row.timestamp,
      cell: ({ timestamp }) => <Instant at={timestamp} zone={zone} form="millis" />,
    },
    { id: "partition", header: "Part.", width: 56, align: "right", value: (row) => row.partition },
    {
      id: "offset",
      header: "Offset",
      width: 104,
      align: "right",
      value: (row) => row.offset,
      cell: (row) => grouped(row.offset),
    },
  ];
}

export interface PlaceProps {
  topic: Topic;
  partition: number;
  offset: string;
}

interface PlaceDrawerProps {
  title: string;
  topic: Topic;
  /** Where its row is, of the schema bronze. */
  table: string;
  /** PARTITION:OFFSET; null: closed. */
  open: string | null;
  onClose: () => void;
  /** The request that it is read with. */
  planOf: (place: PlaceProps) => RequestPlan;
  children: (place: PlaceProps) => ReactNode;
}

/** It is read again by its place, so a link to it works without the list. */
export function PlaceDrawer(props: PlaceDrawerProps) {
  const { title, topic, table, open, onClose, planOf, children } = props;
  const found = open === null ? null : readId(open);
  if (found === null) {
    return (
      <Drawer open={false} onClose={onClose} title={title}>
        {null}
      </Drawer>
    );
  }
  const place = { topic, ...found };
  return (
    <Drawer
      open
      onClose={onClose}
      title={title}
      description={`${topic.name}, partition ${place.partition}, offset ${grouped(place.offset)}`}
      footer={
        <>
          <Link
            to="/sql"
            search={{ q: rowSql(table, place.partition, place.offset), run: "1" }}
            className={ButtonLike({ size: "sm", variant: "ghost" })}
          >
            <SquareTerminal aria-hidden="true" className="size-4" /> Its row in SQL
          </Link>
          <CopyAsCurl plan={planOf(place)} showLabel />
        </>
      }
    >
      {children(place)}
    </Drawer>
  );
}
