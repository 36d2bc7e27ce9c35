import { Link } from '@tanstack/react-router';
import { Failure } from '@/components/failure';
import { Empty } from '@/components/ui';
import css from '@/components/ui.module.css';

export function PageFailure({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <div className={css.page}>
      <h1>This page cannot be shown</h1>
      <Failure error={error} onRetry={reset} />
    </div>
  );
}

export function PageMissing() {
  return (
    <Empty title="There is no such page">
      <Link to="/">Go to the overview</Link>
    </Empty>
  );
}
