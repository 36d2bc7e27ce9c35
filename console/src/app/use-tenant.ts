import { useQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { useIdentity } from './gate';
import { tenantsQuery } from './queries';

/** Whose things are shown: undefined, everybody's that one may see. */
export function useTenant(): string | undefined {
  return useSearch({ strict: false }).tenant;
}

/**
 * For whom things are made: the caller's own tenant needs no name; whoever is across tenants has to have chosen one,
 * unless there is one alone.
 */
export function useTenantToWrite(): { tenantId: string | undefined; missing: boolean } {
  const { tenantId: own } = useIdentity();
  const chosen = useTenant();
  const { data } = useQuery(tenantsQuery);
  if (own) return { tenantId: undefined, missing: false };
  const only = data?.items.length === 1 ? data.items[0]?.id : undefined;
  const tenantId = chosen ?? only;
  return { tenantId, missing: tenantId === undefined };
}
