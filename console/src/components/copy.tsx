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

export function Copy({ text, what, label = 'Copy' }: { text: string; what: string; label?: string }) {
  return (
    <Button tiny tone="quiet" onClick={() => copy(text, what)} aria-label={`Copy ${what}`}>
      {label}
    </Button>
  );
}
