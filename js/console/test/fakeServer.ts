/** A server played by hand: JSON that is answered, and streams that are written to. */

import { vi } from "vitest";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface FakeStream {
  readonly asked: Asked;
  /** Closed by the page. */
  isLeft: boolean;
  send(event: string, data: unknown, id?: string): void;
  /** The connection ends, as it does when a server goes away. */
  drop(): void;
}

export class FakeServer {
  readonly asked: Asked[] = [];
  readonly streams: FakeStream[] = [];
  readonly #answers = new Map<string, () => unknown>();

  constructor() {
    vi.stubGlobal("fetch", (url: string, init: RequestInit) =>
      Promise.resolve(this.#take(url, init)),
    );
  }

  /** Answers `GET path` or the like with JSON; what throws is a 500. */
  on(request: string, answer: () => unknown): void {
    this.#answers.set(request, answer);
  }

  /** What was asked of a path, in order. */
  of(request: string): Asked[] {
    return this.asked.filter(({ method, path }) => `${method} ${path}` === request);
  }

  #take(url: string, { method = "GET", headers, body, signal }: RequestInit): Response {
    const { pathname: path, searchParams: query } = new URL(url, "http://localhost/");
    const asked = {
      method,
      path,
      query,
      headers: new Headers(headers),
      body: typeof body === "string" ? (JSON.parse(body) as unknown) : undefined,
    };
    this.asked.push(asked);
    if (asked.headers.get("Accept") === "text/event-stream") return this.#stream(asked, signal);
    try {
      return Response.json(this.#answers.get(`${method} ${path}`)?.() ?? null);
    } catch {
      const error = { code: "broken", message: "It is broken.", retryable: true };
      return Response.json({ error }, { status: 500 });
    }
  }

  #stream(asked: Asked, signal: AbortSignal | null | undefined): Response {
    let writer!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => (writer = controller) });
    const stream: FakeStream = {
      asked,
      isLeft: false,
      send(event, data, id) {
        const lines = [`event: ${event}`, `data: ${JSON.stringify(data)}`, ""];
        if (id !== undefined) lines.unshift(`id: ${id}`);
        writer.enqueue(new TextEncoder().encode(lines.join("\n") + "\n"));
      },
      drop: () => writer.close(),
    };
    signal?.addEventListener("abort", () => (stream.isLeft = true));
    this.streams.push(stream);
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }
}
