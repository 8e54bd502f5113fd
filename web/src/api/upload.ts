// upload.ts - sending a file: the one request that needs XMLHttpRequest, for fetch does not tell how
// many bytes of a body have gone. Same rules as client.ts: relative address, Problem on refusal.
import { parseJson } from "@/lib/json";
import { describe, type RequestPlan } from "./client";
import { Problem, type ProblemBody } from "./problem";
import { signInNeeded } from "./session";

export interface Sending<T> {
  answer: Promise<T>;
  /** Gives the connection up; the server then forgets the file. `answer` fails with `aborted`. */
  abort: () => void;
}

function problemOf(xhr: XMLHttpRequest, plan: RequestPlan): Problem {
  let body: ProblemBody = {};
  try {
    body = parseJson(xhr.responseText) as ProblemBody;
  } catch {
    body = { title: xhr.statusText, detail: `The answer was ${xhr.status}.` };
  }
  return new Problem({ ...body, status: xhr.status }, describe(plan));
}

/** Sends `body` as it is. `onSent` hears how many of its bytes have left. */
export function sendFile<T>(
  plan: RequestPlan,
  body: Blob,
  onSent: (bytes: number) => void,
): Sending<T> {
  const xhr = new XMLHttpRequest();
  const answer = new Promise<T>((resolve, reject) => {
    xhr.open(plan.method, describe({ ...plan, body }).url);
    xhr.setRequestHeader("accept", "application/json");
    for (const [name, value] of Object.entries(plan.headers ?? {})) {
      xhr.setRequestHeader(name, value);
    }
    xhr.upload.onprogress = (event) => onSent(event.loaded);
    xhr.upload.onload = () => onSent(body.size);
    xhr.onload = () => {
      if (xhr.status >= 200 && xhr.status < 300) {
        resolve(parseJson(xhr.responseText) as T);
        return;
      }
      if (xhr.status === 401) signInNeeded();
      reject(problemOf(xhr, plan));
    };
    xhr.onabort = () => reject(new Problem({ code: "aborted", title: "Given up" }));
    // A refusal that comes while the body is still being sent may be lost with the connection.
    xhr.onerror = () => {
      const detail = "The connection ended before the server answered.";
      reject(new Problem({ code: "offline", title: "No answer", detail }, describe(plan)));
    };
    xhr.send(body);
  });
  return { answer, abort: () => xhr.abort() };
}
