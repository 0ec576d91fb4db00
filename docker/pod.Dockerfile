# A pod: an address, a default route, and the tools to look at packets.
FROM debian:trixie-slim
LABEL bgpd-lab=image
RUN apt-get update \
 && apt-get install --yes --no-install-recommends iproute2 iputils-ping tcpdump \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
ENTRYPOINT ["/bin/sh", "-ec"]
