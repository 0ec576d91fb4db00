"""The store that a setting names."""

from pathlib import Path

from bgpd.cluster.store.base import Store, StoreError, Trouble
from bgpd.cluster.store.files import FilesStore
from bgpd.model import DatastoreSpec


def open_store(spec: DatastoreSpec) -> Store:
    """The store. Inside a running event loop. Raises StoreError (REFUSED) where a file or a library is missing."""
    if spec.scheme == "files":
        return FilesStore(Path(spec.places[0]))
    try:
        from bgpd.cluster.store.etcd import EtcdStore  # noqa: PLC0415 - aiohttp only where there is an etcd
        from bgpd.cluster.store.gateway import Access  # noqa: PLC0415
    except ImportError as error:
        text = f"etcd needs the library aiohttp ({error}); pip install 'bgpd[etcd]' brings it"
        raise StoreError(Trouble.REFUSED, text) from None
    password = ""
    if spec.password_file:
        try:
            password = Path(spec.password_file).read_text().removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            why = str(getattr(error, "strerror", None) or "not UTF-8 text").lower()
            raise StoreError(Trouble.REFUSED, f"{spec.password_file}: cannot read: {why}") from None
    return EtcdStore(
        Access(
            endpoints=spec.places,
            ca=spec.ca,
            certificate=spec.certificate,
            key=spec.key,
            user=spec.user,
            password=password,
        )
    )
