// button.tsx - buttons. One primary per view; an icon alone always has a name.
import { cva, type VariantProps } from "class-variance-authority";
import type { LucideIcon } from "lucide-react";
import type { ButtonHTMLAttributes, Ref } from "react";
import { cx } from "./cx";
import { Tooltip } from "./tooltip";

/** The classes of a button, for links that look like one. */
export const ButtonLike = cva(
  "inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none transition-colors disabled:opacity-50 aria-disabled:opacity-50",
  {
    variants: {
      variant: {
        primary: "border-transparent bg-accent text-on-accent hover:not-disabled:bg-accent-hover",
        secondary: "border-line bg-panel text-text hover:not-disabled:bg-hover",
        ghost: "border-transparent bg-transparent text-text hover:not-disabled:bg-hover",
        danger: "border-error bg-panel text-error hover:not-disabled:bg-error-soft",
      },
      size: {
        sm: "h-7 px-2 text-xs",
        md: "h-8 px-3 text-sm",
      },
    },
    defaultVariants: { variant: "secondary", size: "md" },
  },
);

export interface ButtonProps
  extends ButtonHTMLAttributes<HTMLButtonElement>,
    VariantProps<typeof ButtonLike> {
  icon?: LucideIcon;
  /** Shows a spinner and takes no clicks; the label stays. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function Spinner({ className }: { className?: string }) {
  return (
    <span
      aria-hidden="true"
      className={cx(
        "inline-block size-3.5 animate-spin rounded-full border-2 border-current border-r-transparent",
        className,
      )}
    />
  );
}

export function Button({
  variant,
  size,
  icon: Icon,
  busy,
  className,
  children,
  disabled,
  type = "button",
  ...rest
}: ButtonProps) {
  return (
    <button
      type={type}
      className={cx(ButtonLike({ variant, size }), className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy ? <Spinner /> : Icon ? <Icon aria-hidden="true" className="size-4 shrink-0" /> : null}
      {children}
    </button>
  );
}

export interface IconButtonProps
  extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children" | "aria-label"> {
  icon: LucideIcon;
  /** Its name: for screen readers and as a tooltip. */
  label: string;
  /** Shown in the tooltip, e.g. "Ctrl K". */
  keys?: string;
  size?: "sm" | "md";
  variant?: "ghost" | "secondary" | "danger";
  /** For on/off buttons. */
  pressed?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function IconButton({
  icon: Icon,
  label,
  keys,
  size = "md",
  variant = "ghost",
  pressed,
  className,
  type = "button",
  ...rest
}: IconButtonProps) {
  return (
    <Tooltip text={label} keys={keys}>
      <button
        type={type}
        aria-label={label}
        aria-pressed={pressed}
        className={cx(
          ButtonLike({ variant }),
          size === "sm" ? "size-7 px-0" : "size-8 px-0",
          pressed && "bg-accent-soft text-accent",
          className,
        )}
        {...rest}
      >
        <Icon aria-hidden="true" className="size-4 shrink-0" />
      </button>
    </Tooltip>
  );
}
