import { describe, expect, it } from "vitest";

import { nextPhase, type Phase, type PhaseEvent } from "../src/chat/phase";

function after(...events: PhaseEvent[]): Phase {
  return events.reduce<Phase>(nextPhase, "idle");
}

describe("the phases of a turn", () => {
  it.each<[PhaseEvent[], Phase]>([
    [["send"], "sending"],
    [["send", "started"], "streaming"],
    [["send", "started", "ended"], "idle"],
    [["send", "ended"], "idle"],
    [["send", "started", "stop"], "stopping"],
    [["send", "started", "stop", "ended"], "idle"],
    [["send", "started", "stop", "stopFailed"], "streaming"],
    [["send", "stop"], "stopping"],
    // A stop before the run is known: its start must not bring the Stop button back.
    [["send", "stop", "started"], "stopping"],
    [["send", "started", "ended", "send"], "sending"],
  ])("%j leads to %s", (events, phase) => {
    expect(after(...events)).toBe(phase);
  });

  it.each<PhaseEvent>(["started", "stop", "stopFailed", "ended"])(
    "a stray %s leaves idle",
    (event) => {
      expect(nextPhase("idle", event)).toBe("idle");
    },
  );
});
