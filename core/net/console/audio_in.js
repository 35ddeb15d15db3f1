/* SPDX-License-Identifier: Apache-2.0 */
/* The microphone: permission, capture, mute. Frames go to the callback as PCM16 at 24 kHz. */

const WANTED = {
  audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
};

/* getUserMedia's errors, as a person would say them. */
const REFUSALS = {
  NotAllowedError: "The browser was not allowed to use the microphone. Allow it for this page, then try again.",
  NotFoundError: "No microphone was found.",
  NotReadableError: "The microphone is in use by another program.",
};

export class Microphone {
  /* hooks: frame(Int16Array, level 0..1), lost() when the device goes away. */
  constructor(hooks) {
    this.hooks = hooks;
    this.context = null;
    this.stream = null;
  }

  get is_on() {
    return this.stream !== null;
  }

  get is_muted() {
    return this.is_on && !this.stream.getAudioTracks()[0].enabled;
  }

  /* Ask for the microphone and start. Throws an Error in words. */
  async start() {
    if (!navigator.mediaDevices)
      throw new Error("The browser gives a microphone only to pages from https:// or from this machine.");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia(WANTED);
      await this.#capture();
    } catch (error) {
      this.stop();
      throw new Error(REFUSALS[error.name] ?? `The microphone could not be started: ${error.message}`);
    }
  }

  async #capture() {
    this.context = new AudioContext({ latencyHint: "interactive" });
    await this.context.audioWorklet.addModule(new URL("capture.js", import.meta.url));
    const node = new AudioWorkletNode(this.context, "parley-capture", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    node.port.onmessage = ({ data }) => this.hooks.frame(data.samples, data.level);
    this.context.createMediaStreamSource(this.stream).connect(node);
    this.stream.getAudioTracks()[0].onended = () => this.hooks.lost();
  }

  /* A muted microphone goes on sending silence, so that the server's turn detection sees speech end. */
  mute(muted) {
    for (const track of this.stream?.getAudioTracks() ?? [])
      track.enabled = !muted;
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.context?.close();
    this.context = this.stream = null;
  }
}
