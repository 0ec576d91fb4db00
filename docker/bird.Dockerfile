# A data-centre router: BIRD from Debian. Its configuration is mounted at /etc/lab.
FROM debian:trixie-slim
LABEL bgpd-lab=image
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bird2 iproute2 iputils-ping \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && install -d /run/bird
# SERVICES: addresses that the router answers at.
ENTRYPOINT ["/bin/sh", "-ec", "for address in $SERVICES; do ip address replace $address/32 dev lo; done; exec bird -f -c /etc/lab/bird.conf"]
