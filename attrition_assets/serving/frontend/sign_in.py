"""Whether a key that a person entered is one: the prediction API says so, if it asks for keys."""

import secrets

from pydantic import SecretStr

from attrition_assets.serving.frontend.client import Kind, Service, attempt

PROBE = "/months"


async def require_good_key(api: Service, key: SecretStr) -> str:
    """Why nobody is signed in with this key, in words; empty if it is good for something.

    An API that takes any key would let anybody in: first it is asked with one that nobody made.
    """
    if not key.get_secret_value():
        return "Enter a key."
    unknown = await attempt(api.get(PROBE, SecretStr(secrets.token_urlsafe(32))))
    if unknown.trouble is None:
        return (
            "Nobody can sign in: the prediction API takes any key. Whoever runs it should start "
            "it with --keys."
        )
    if unknown.trouble.kind != Kind.NO_KEY:
        return f"Nobody can sign in now: the {api.name} does not answer as it should. Try later."
    found = await attempt(api.get(PROBE, key))
    if found.trouble is None or found.trouble.kind == Kind.FORBIDDEN:  # good for something else
        return ""
    if found.trouble.kind == Kind.NO_KEY:
        return "This key is not known, or was revoked."
    return f"Nobody can sign in now: the {api.name} does not answer as it should. Try later."
