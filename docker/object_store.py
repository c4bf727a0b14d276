"""An S3 server to try the loop against, with the bucket that docker/scale.yaml names. It holds all in memory.

    object_store.py ADDRESS PORT

It takes any credentials, and forgets what it holds when it ends: use a real store for what is to stay.
"""

import signal
import sys
from http.client import HTTPConnection

from moto.server import ThreadedMotoServer

address, port = sys.argv[1], int(sys.argv[2])
ThreadedMotoServer(ip_address=address, port=port, verbose=False).start()
made = HTTPConnection("127.0.0.1", port)
made.request("PUT", "/lake")
made.getresponse().read()
made.close()
signal.pause()
