"""The keys by which handlers find the service and its parts in a web application."""

from aiohttp import web

from runner.http.bodies import Bodies
from runner.http.connections import Connections
from runner.operators.live_page import LivePage
from runner.service import Service
from runner.settings import Settings
from runner.siblings.tarpit import Tarpit

SERVICE = web.AppKey("SERVICE", Service)
SETTINGS = web.AppKey("SETTINGS", Settings)
TARPIT = web.AppKey("TARPIT", Tarpit)
BODIES = web.AppKey("BODIES", Bodies)
CONNECTIONS = web.AppKey("CONNECTIONS", Connections)
LIVE_PAGE = web.AppKey("LIVE_PAGE", LivePage)
