import { tell } from './toast';
import { Button } from './ui';

export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${what} copied`);
  } catch {
    tell('The browser does not let the console copy.');
  }
}

/** Text that is long is made when it is asked for. */
export function Copy({ text, what, label = 'Copy' }: { text: string | (() => string); what: string; label?: string }) {
  return (
    <Button
      tiny
      tone="quiet"
      onClick={() => copy(typeof text === 'string' ? text : text(), what)}
      aria-label={`${label} (${what})`}
    >
      {label}
    </Button>
  );
}
