"""TiTiler by itself: `uvicorn bench.titiler_server:app`, in an environment that has it."""

from fastapi import FastAPI
from titiler.core.factory import TilerFactory

app = FastAPI()
app.include_router(TilerFactory(router_prefix="/cog").router, prefix="/cog")
