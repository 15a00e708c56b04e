// Questions to the server: an answer is lines of JSON, given to `heard` one by one as they come.

export class Refused extends Error {}

export async function ask(job, body, heard, signal) {
  let response;
  try {
    response = await fetch(job, { method: "POST", body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("the server does not answer; start 'flowrepro explore' again and reload the page");
  }
  if (!response.ok) throw new Refused((await response.text()).trim());
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      part = { done: true };
    }
    if (part.done) throw new Refused("the server went away; start 'flowrepro explore' again and reload the page");
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const message = JSON.parse(line);
      if (message.kind === "end") return;
      if (message.kind === "error") throw new Refused(message.message);
      heard(message);
    }
  }
}

// Single-precision numbers in base64.
export function unpacked(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
  return new Float32Array(bytes.buffer);
}
