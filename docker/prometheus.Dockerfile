# Prometheus from Debian, the one program.
FROM debian:trixie-slim AS package
LABEL bgpd-lab=build
RUN apt-get update \
 && cd /var/tmp \
 && apt-get download prometheus \
 && dpkg -x prometheus_*.deb tree \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* *.deb

FROM debian:trixie-slim
LABEL bgpd-lab=image
COPY --from=package /var/tmp/tree/usr/bin/prometheus /usr/bin/prometheus
RUN useradd --system --uid 9090 --no-create-home --shell /usr/sbin/nologin prometheus
USER prometheus
ENTRYPOINT ["/usr/bin/prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus", "--storage.tsdb.retention.time=1h"]
