/**
 * Where a turn stands, as the Send/Stop button sees it.
 *
 * One table, no other place decides. An event that does not fit the phase changes
 * nothing, so a late or doubled event from the network cannot wedge the button.
 */

export type Phase = "idle" | "sending" | "streaming" | "stopping";

/** `stopFailed`: the call to stop did not get through, the answer goes on. */
export type PhaseEvent = "send" | "started" | "stop" | "stopFailed" | "ended";

const NEXT: Record<Phase, Partial<Record<PhaseEvent, Phase>>> = {
  idle: { send: "sending" },
  sending: { started: "streaming", stop: "stopping", ended: "idle" },
  streaming: { stop: "stopping", ended: "idle" },
  stopping: { stopFailed: "streaming", ended: "idle" },
};

export function nextPhase(phase: Phase, event: PhaseEvent): Phase {
  return NEXT[phase][event] ?? phase;
}

export function isBusy(phase: Phase): boolean {
  return phase !== "idle";
}
