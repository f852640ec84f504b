/** The last hour of samples, kept up to date while somebody looks. */

import { onScopeDispose, shallowRef, type ShallowRef } from "vue";

import { useLive, type Live } from "../api/useLive";
import { onFrames } from "../chat/frames";
import { readSample, withSamples, type Sample } from "./sample";

export interface Monitor extends Live {
  readonly samples: Readonly<ShallowRef<readonly Sample[]>>;
}

export function useMonitor(): Monitor {
  const samples = shallowRef<readonly Sample[]>([]);
  const arrived: Sample[] = [];

  // History comes as many samples at once: they are drawn together.
  const frames = onFrames(() => {
    samples.value = withSamples(samples.value, arrived.splice(0));
  });
  const live = useLive({
    url: () => "api/monitor",
    restsHidden: true,
    onEvent: (event) => {
      const sample = readSample(event);
      if (!sample) return;
      arrived.push(sample);
      frames.request();
    },
  });

  onScopeDispose(() => frames.cancel());
  return { ...live, samples };
}
