// The page "Settings": what this browser remembers, and what the server is.
import { useQuery } from "@tanstack/react-query";
import { LogOut } from "lucide-react";
import { q } from "@/api/queries";
import { useLiveStatus } from "@/api/use-live";
import { Page } from "@/app/page";
import { useZonePreference } from "@/app/range";
import { signOut } from "@/app/sign-out";
import { type ThemeChoice, useTheme } from "@/app/theme";
import { ZoneList } from "@/app/time-picker";
import { useUi } from "@/app/ui-state";
import { baseUrl } from "@/lib/base";
import { bytes, duration } from "@/lib/numbers";
import { zoneLabel } from "@/lib/zone";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Switch } from "@/ui/field";
import { KeyValue } from "@/ui/keyvalue";
import { Loaded } from "@/ui/states";
import { Segments } from "@/ui/tabs";

const THEMES: { value: ThemeChoice; label: string }[] = [
  { value: "system", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export default function SettingsPage() {
  return (
    <Page
      title="Settings"
      subtitle="Kept in this browser; the server's own settings are in its file."
    >
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="flex flex-col gap-4">
          <Appearance />
          <Keyboard />
          <Session />
        </div>
        <div className="flex flex-col gap-4">
          <ZoneCard />
          <About />
        </div>
      </div>
    </Page>
  );
}

function Appearance() {
  const { choice, choose } = useTheme();
  return (
    <Card title="Theme">
      <Segments label="Theme" value={choice} onChange={choose} items={THEMES} />
    </Card>
  );
}

function ZoneCard() {
  const zone = useZonePreference((s) => s.zone);
  return (
    <Card title="Time zone" note={zoneLabel(zone)}>
      <ZoneList zone={zone} />
    </Card>
  );
}

function Keyboard() {
  const { keysOn, setKeysOn, set } = useUi();
  return (
    <Card title="Keys">
      <div className="flex flex-wrap items-center gap-4">
        <Switch label="Single letters are commands" checked={keysOn} onChange={setKeysOn} />
        <Button size="sm" onClick={() => set({ keySheet: true })}>
          Show all keys
        </Button>
      </div>
    </Card>
  );
}

function Session() {
  const session = useQuery(q.session);
  return (
    <Card title="Session">
      <Loaded query={session} what="The session could not be read." lines={1}>
        {({ needed, signed_in }) =>
          needed ? (
            <div className="flex flex-wrap items-center gap-4 text-sm">
              <span>{signed_in ? "Signed in." : "Not signed in."}</span>
              {signed_in ? (
                <Button size="sm" icon={LogOut} onClick={() => void signOut()}>
                  Sign out
                </Button>
              ) : null}
            </div>
          ) : (
            <p className="text-sm text-muted">This server asks for no sign-in.</p>
          )
        }
      </Loaded>
    </Card>
  );
}

function About() {
  const info = useQuery(q.info);
  const { transport, state } = useLiveStatus();
  return (
    <Card title="About">
      <Loaded query={info} what="The server's description could not be loaded.">
        {(about) => (
          <KeyValue
            items={[
              ["Server", `${about.name} ${about.version}`],
              ["Address", baseUrl.href],
              ["Build of the page", about.build ?? "–"],
              ["Up for", duration(about.uptime_seconds * 1000)],
              ["Live connection", transport === null ? state : `${state}, ${transport}`],
              ["Memory limit", bytes(about.limits?.memory_bytes)],
              ["Largest request", bytes(about.limits?.body_bytes)],
              [
                "API",
                <a key="docs" className="text-accent hover:underline" href={`${baseUrl.href}docs`}>
                  Documentation of the API
                </a>,
              ],
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}
