"""An emulator for development and tests: the AWS services that the app uses, on this machine.

    launcher/    starts, fills and stops a local AWS from outside
    clients/     who uses it from outside: the app on a phone, and whoever watches
    demo/        `make demo`
    console/     the page of `make local`: a phone and an agent's desk
    media/       where meetings take place, so that calls are heard: TypeScript, a process of Node's
    emulator/    the server: MiniStack, and what MiniStack lacks, one folder per AWS service
    flows/       exports of contact flows that a configuration adopts
    faults.py    what calls get instead of their answers, where a test wants it
    issuer/      the OpenID provider for environments without a user pool
    sip_bridge/  all that calls over the SIP bridge add

It is not AWS: the README says what it cannot prove. `emulator`, `issuer` and the services of `sip_bridge` run
inside the server, in `.venv-local`; the others run outside, in `.venv`; `media` and the page are TypeScript.
"""
