// page.tsx - the frame of a page: title (also of the tab), actions at the right, content.
import { type ReactNode, useEffect } from "react";
import { cx } from "@/ui/cx";

interface PageProps {
  /** Also the browser tab's title. */
  title: string;
  /** Beside the title: a state, a count. */
  badge?: ReactNode;
  /** One line under the title. */
  subtitle?: ReactNode;
  /** Where this page hangs, e.g. a link back to the list. */
  crumb?: ReactNode;
  /** Buttons at the right. */
  actions?: ReactNode;
  /** The content fills the window and scrolls by itself (editor, grid). */
  fill?: boolean;
  /** False while the first data is not drawn: browser tests and the bench wait for the mark. */
  ready?: boolean;
  children: ReactNode;
}

export function Page(props: PageProps) {
  const { title, badge, subtitle, crumb, actions, fill, ready = true, children } = props;
  useEffect(() => {
    document.title = `${title} · tarn`;
  }, [title]);
  useEffect(() => {
    if (ready) performance.mark("app-ready");
  }, [ready]);
  return (
    <div className={cx("flex min-w-0 flex-col gap-4 p-4 md:p-5", fill && "h-full min-h-0")}>
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <div className="min-w-0 grow basis-60">
          {crumb ? <div className="text-xs text-muted">{crumb}</div> : null}
          <div className="flex flex-wrap items-center gap-2">
            <h1
              id="page-title"
              tabIndex={-1}
              className="text-lg font-semibold break-all outline-none"
            >
              {title}
            </h1>
            {badge}
          </div>
          {subtitle ? <div className="mt-0.5 text-sm text-muted">{subtitle}</div> : null}
        </div>
        {actions ? <div className="flex flex-wrap items-center gap-2">{actions}</div> : null}
      </header>
      {children}
    </div>
  );
}
