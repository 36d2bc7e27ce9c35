//! What has to be known of a type to show its values.

use std::collections::{BTreeSet, HashMap};

use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnection, PgRow, PgTypeInfo, PgTypeKind};
use sqlx::{Error, Row as _, TypeInfo as _};

/// The OIDs of types that are read and written here. Those of built-in types are the same everywhere.
pub(super) mod oid {
    pub(in crate::reach::sql) const BOOL: u32 = 16;
    pub(in crate::reach::sql) const BYTEA: u32 = 17;
    pub(in crate::reach::sql) const NAME: u32 = 19;
    pub(in crate::reach::sql) const INT8: u32 = 20;
    pub(in crate::reach::sql) const INT2: u32 = 21;
    pub(in crate::reach::sql) const INT2VECTOR: u32 = 22;
    pub(in crate::reach::sql) const INT4: u32 = 23;
    pub(in crate::reach::sql) const TEXT: u32 = 25;
    pub(in crate::reach::sql) const OID: u32 = 26;
    pub(in crate::reach::sql) const OIDVECTOR: u32 = 30;
    pub(in crate::reach::sql) const JSON: u32 = 114;
    pub(in crate::reach::sql) const FLOAT4: u32 = 700;
    pub(in crate::reach::sql) const FLOAT8: u32 = 701;
    pub(in crate::reach::sql) const UNKNOWN: u32 = 705;
    pub(in crate::reach::sql) const TEXTS: u32 = 1009;
    pub(in crate::reach::sql) const OIDS: u32 = 1028;
    pub(in crate::reach::sql) const BPCHAR: u32 = 1042;
    pub(in crate::reach::sql) const VARCHAR: u32 = 1043;
    pub(in crate::reach::sql) const TIMESTAMP: u32 = 1114;
    pub(in crate::reach::sql) const TIMESTAMPTZ: u32 = 1184;
    pub(in crate::reach::sql) const RECORD: u32 = 2249;
    pub(in crate::reach::sql) const CSTRING: u32 = 2275;
    pub(in crate::reach::sql) const ANYARRAY: u32 = 2277;
    pub(in crate::reach::sql) const VOID: u32 = 2278;
    pub(in crate::reach::sql) const UUID: u32 = 2950;
    pub(in crate::reach::sql) const JSONB: u32 = 3802;
}

/// Arrays of the built-in types whose values are decoded here.
const ARRAYS: [u32; 17] =
    [199, 1000, 1001, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1028, 1263, 2287, 2951, 3807];
/// Built-in types whose values Postgres writes, each with its array: nobody has to ask for those. The others are asked for.
const WRITTEN: [(u32, u32); 37] = [
    (18, 1002),
    (oid::INT2VECTOR, 1006),
    (oid::OIDVECTOR, 1013),
    (142, 143),
    (600, 1017),
    (601, 1018),
    (602, 1019),
    (603, 1020),
    (604, 1027),
    (628, 629),
    (650, 651),
    (718, 719),
    (774, 775),
    (790, 791),
    (829, 1040),
    (869, 1041),
    (1082, 1182),
    (1083, 1183),
    (oid::TIMESTAMP, 1115),
    (oid::TIMESTAMPTZ, 1185),
    (1186, 1187),
    (1266, 1270),
    (1560, 1561),
    (1562, 1563),
    (1700, 1231),
    (2205, 2210),
    (2206, 2211),
    (3220, 3221),
    (3614, 3643),
    (3615, 3645),
    (3904, 3905),
    (3906, 3907),
    (3908, 3909),
    (3910, 3911),
    (3912, 3913),
    (3926, 3927),
    (4072, 4073),
];
/// What types are. `$1`: their OIDs. A domain is what it is of.
const FIND: &str = "with recursive bases as (
        select t.oid as named, t.oid, t.typtype, t.typbasetype, t.typarray, t.typoutput
        from pg_catalog.pg_type t
        where t.oid = any($1)
      union all
        select b.named, t.oid, t.typtype, t.typbasetype, t.typarray, t.typoutput
        from bases b
        join pg_catalog.pg_type t on t.oid = b.typbasetype and b.typtype = 'd'
    )
    select named, oid, typarray, typtype = 'e' as is_enum,
           typoutput = 'pg_catalog.array_out'::pg_catalog.regproc as is_array
    from bases
    where typtype <> 'd'";

/// What sqlx has found out of a type. It panics if it has not, and a type may vanish in between, or never have been there.
pub(super) fn known(info: &PgTypeInfo) -> &PgTypeKind {
    if info.name() == "?" { &PgTypeKind::Simple } else { info.kind() }
}

/// How values of a type are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Text,
    Bytea,
    Uuid,
    Json,
    Jsonb,
    /// Of a function that returns nothing.
    Void,
    Record,
    Array,
    /// As Postgres writes them: it is given an array of them. A domain's are those of the type that it is `of`.
    Written {
        of: u32,
        array: u32,
    },
    /// There is no such type any more, or no array of it.
    Unreadable,
}

/// The types of a result.
#[derive(Debug, Default)]
pub(super) struct Types {
    found: HashMap<u32, Kind>,
}

impl Types {
    /// Remembers what sqlx knows of a column's type: an enum and an array need not be asked for.
    pub(super) fn note(&mut self, info: &PgTypeInfo) {
        let Some(Oid(oid)) = info.oid() else { return };
        if built_in(oid).is_some() {
            return;
        }
        match known(info) {
            PgTypeKind::Enum(_) => {
                self.found.insert(oid, Kind::Text);
            }
            PgTypeKind::Array(element) => {
                self.found.insert(oid, Kind::Array);
                self.note(element);
            }
            _ => {}
        }
    }

    /// `None`: it has to be asked for.
    pub(super) fn kind(&self, oid: u32) -> Option<Kind> {
        built_in(oid).or_else(|| self.found.get(&oid).copied())
    }

    /// Asks for them. Afterwards all of them are known.
    pub(super) async fn find(&mut self, line: &mut PgConnection, oids: BTreeSet<u32>) -> Result<(), Error> {
        let asked: Vec<Oid> = oids.iter().copied().map(Oid).collect();
        let rows = sqlx::query(FIND).persistent(false).bind(asked).fetch_all(line).await?;
        self.found.extend(oids.into_iter().map(|oid| (oid, Kind::Unreadable)));
        for row in rows {
            let (named, kind) = found(&row)?;
            self.found.insert(named, kind);
        }
        Ok(())
    }
}

fn found(row: &PgRow) -> Result<(u32, Kind), Error> {
    let (Oid(named), Oid(of), Oid(array)) =
        (row.try_get("named")?, row.try_get("oid")?, row.try_get("typarray")?);
    let kind = match built_in(of) {
        Some(kind) => kind,
        None if row.try_get("is_enum")? => Kind::Text,
        None if row.try_get("is_array")? => Kind::Array,
        None if array == 0 => Kind::Unreadable,
        None => Kind::Written { of, array },
    };
    Ok((named, kind))
}

fn built_in(of: u32) -> Option<Kind> {
    Some(match of {
        oid::BOOL => Kind::Bool,
        oid::INT2 => Kind::Int2,
        oid::INT4 => Kind::Int4,
        oid::INT8 => Kind::Int8,
        oid::OID => Kind::Oid,
        oid::FLOAT4 => Kind::Float4,
        oid::FLOAT8 => Kind::Float8,
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN | oid::CSTRING => Kind::Text,
        oid::BYTEA => Kind::Bytea,
        oid::UUID => Kind::Uuid,
        oid::JSON => Kind::Json,
        oid::JSONB => Kind::Jsonb,
        oid::VOID => Kind::Void,
        oid::RECORD => Kind::Record,
        oid::ANYARRAY => Kind::Array,
        of if ARRAYS.contains(&of) || WRITTEN.iter().any(|(_, array)| *array == of) => Kind::Array,
        of => {
            let (_, array) = WRITTEN.iter().find(|(oid, _)| *oid == of)?;
            Kind::Written { of, array: *array }
        }
    })
}
