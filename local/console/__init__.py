"""The page of `make local`: a phone, an agent's desk, and a contact's way between them.

page/      the page itself, TypeScript; `make` builds it into build/console
server.py  serves it, and holds the token of the run for it
actions.py what the page may have done with that token
"""
