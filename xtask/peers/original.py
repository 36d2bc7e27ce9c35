"""The service that Runplane replaces, as far as claiming and completing go: FastAPI on SQLAlchemy, ids in varchar(36), JSON in json
columns, no index but the primary keys, no fence. Written anew from a description of it, so that there is something to compare with.

    ORIGINAL_DATABASE_URL=postgres://… ORIGINAL_CONNECTIONS=16 uvicorn original:app
"""
import datetime, os, uuid

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import JSON, Column, DateTime, String, Text, create_engine, select
from sqlalchemy.orm import Session, declarative_base

url = os.environ["ORIGINAL_DATABASE_URL"].replace("postgres://", "postgresql+psycopg://", 1)
engine = create_engine(url, pool_size=int(os.environ.get("ORIGINAL_CONNECTIONS", "16")), max_overflow=0)
Base = declarative_base()


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def new_id():
    return str(uuid.uuid4())


class Version(Base):
    __tablename__ = "pipeline_versions"
    id = Column(String(36), primary_key=True, default=new_id)
    tenant_id = Column(String(36), nullable=False)
    pipeline_id = Column(String(36), nullable=False)
    version = Column(String(50), nullable=False)
    status = Column(String(20), nullable=False)
    dag_spec = Column(JSON, nullable=False)
    created_at = Column(DateTime(timezone=True), nullable=False, default=now)


class Run(Base):
    __tablename__ = "pipeline_runs"
    id = Column(String(36), primary_key=True, default=new_id)
    tenant_id = Column(String(36), nullable=False)
    pipeline_version_id = Column(String(36), nullable=False)
    status = Column(String(20), nullable=False)
    trigger_type = Column(String(30), nullable=False)
    parameters = Column(JSON)
    retry_of_run_id = Column(String(36))
    root_run_id = Column(String(36))
    created_at = Column(DateTime(timezone=True), nullable=False, default=now)
    started_at = Column(DateTime(timezone=True))
    claimed_at = Column(DateTime(timezone=True))
    claimed_by = Column(String(200))
    heartbeat_at = Column(DateTime(timezone=True))
    finished_at = Column(DateTime(timezone=True))
    error_message = Column(Text)
    updated_at = Column(DateTime(timezone=True))


class Claim(BaseModel):
    worker_id: str
    tenant_id: str | None = None


class Complete(BaseModel):
    status: str
    error_message: str | None = None


app = FastAPI()


def shown(run):
    return {column.name: getattr(run, column.name) for column in Run.__table__.columns}


@app.get("/health")
def health():
    return {"ok": True}


@app.post("/api/runs/claim")
def claim(body: Claim):
    with Session(engine) as session:
        oldest = select(Run).where(Run.status == "QUEUED").order_by(Run.created_at).limit(1).with_for_update(skip_locked=True)
        if body.tenant_id:
            oldest = oldest.where(Run.tenant_id == body.tenant_id)
        run = session.scalars(oldest).first()
        if run is None:
            return {"claimed": False}
        run.status, run.claimed_by = "RUNNING", body.worker_id
        run.claimed_at = run.started_at = run.heartbeat_at = run.updated_at = now()
        version = session.get(Version, run.pipeline_version_id)
        answer = {
            "claimed": True,
            "run": shown(run),
            "pipeline_version": {"id": version.id, "status": version.status, "dag_spec": version.dag_spec},
        }
        session.commit()
        return answer


@app.post("/api/runs/{run_id}/complete")
def complete(run_id: str, body: Complete):
    with Session(engine) as session:
        run = session.get(Run, run_id, with_for_update=True)
        if run is None or run.status != "RUNNING":
            return JSONResponse({"ok": False, "reason": "run not RUNNING or not found"}, status_code=409)
        run.status, run.error_message = body.status, body.error_message
        run.finished_at = run.updated_at = now()
        answer = {"ok": True, "run": shown(run)}
        session.commit()
        return answer


if __name__ == "__main__":
    # Its tables, with so many runs that have ended and so many that wait: python original.py <ended> <waiting>
    import sys

    ended, waiting = int(sys.argv[1]), int(sys.argv[2])
    Base.metadata.create_all(engine)
    tenant, version = new_id(), new_id()
    rows = """insert into pipeline_runs (id, tenant_id, pipeline_version_id, status, trigger_type, parameters, root_run_id, created_at, finished_at)
              select gen_random_uuid(), %s, %s, %s, 'manual', '{}', gen_random_uuid(), clock_timestamp(), case when %s = 'SUCCEEDED' then now() end
              from generate_series(1, %s)"""
    connection = engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("insert into pipeline_versions values (%s, %s, %s, '1', 'APPROVED', '{\"steps\":[]}', now())", (version, tenant, new_id()))
    for status, count in (("SUCCEEDED", ended), ("QUEUED", waiting)):
        cursor.execute(rows, (tenant, version, status, status, count))
    connection.commit()
