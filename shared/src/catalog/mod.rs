//! The catalogue: tenants, their pipelines, the versions of these, and connections. One file per verb, or per thing where its verbs are
//! short.
