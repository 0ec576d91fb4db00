# A data-centre router: FRR from Debian. Its configuration is mounted at /etc/lab.
FROM debian:trixie-slim
LABEL bgpd-lab=image
RUN apt-get update \
 && apt-get install --yes --no-install-recommends frr iproute2 iputils-ping \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && usermod --append --groups frrvty root \
 && install -d -o root -g frrvty -m 0775 /run/frr \
 && chmod -R a+rX /etc/frr && touch /etc/frr/vtysh.conf
COPY frr/start /usr/local/bin/start
ENTRYPOINT ["/usr/local/bin/start"]
