import { ApiError, Unreachable } from '@/api/problem';
import { Button, Notice, Text } from './ui';
import css from './ui.module.css';

/** What went wrong, in the words of the API, and what to do about it. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const again = onRetry && (
    <Button tiny onClick={onRetry}>
      Try again
    </Button>
  );
  if (error instanceof Unreachable) {
    return (
      <Notice tone="warn" action={again}>
        <strong>{navigator.onLine ? 'The control plane does not answer' : 'This machine is offline'}</strong>
        <p>What is shown may be old. The console asks again by itself.</p>
      </Notice>
    );
  }
  if (error instanceof ApiError) {
    return (
      <Notice tone="bad" action={again}>
        <strong>
          <Text>{error.title}</Text>
        </strong>
        <p>
          <Text limit={1000}>{error.message}</Text>
        </p>
        {error.faults.length > 1 && (
          <ul>
            {error.faults.slice(0, 20).map((fault) => (
              <li key={`${fault.pointer} ${fault.detail}`}>
                <code>
                  <Text>{fault.pointer}</Text>
                </code>{' '}
                <Text>{fault.detail}</Text>
              </li>
            ))}
          </ul>
        )}
        {error.requestId && (
          <p className={css.hint}>
            Request <code>{error.requestId}</code>
          </p>
        )}
      </Notice>
    );
  }
  return (
    <Notice tone="bad" action={again}>
      <strong>The console has a defect here</strong>
      <p>
        <Text>{error instanceof Error ? error.message : String(error)}</Text>
      </p>
    </Notice>
  );
}

/** The fault of a field, of the last error. */
export function faultOf(error: unknown, pointer: string): string | null {
  if (!(error instanceof ApiError)) return null;
  return error.faults.find((fault) => fault.pointer === pointer)?.detail ?? null;
}
