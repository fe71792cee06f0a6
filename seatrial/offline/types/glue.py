"""Glue databases, tables (external ones, and Iceberg with real metadata) and the optimizers of Iceberg tables."""

from collections.abc import Mapping
from typing import Any

from seatrial.offline import warehouse
from seatrial.offline.engine.errors import ResourceError
from seatrial.offline.types.base import Call, Handler, Made
from seatrial.offline.warehouse.lake import optimizers


class Database(Handler):
    """AWS::Glue::Database."""

    def create(self, call: Call) -> Made:
        """CreateDatabase."""
        call.get("CatalogId")
        if call.get("DatabaseName"):
            raise ResourceError("DatabaseName of AWS::Glue::Database: name it in DatabaseInput")
        source = dict(call.get("DatabaseInput"))
        source["Name"] = (source.get("Name") or call.name(255)).lower().replace("-", "_")
        request = call.request("glue", "CreateDatabase", {"DatabaseInput": source, "Tags": call.tags() or None})
        call.client("glue").create_database(**request)
        return Made(source["Name"])

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateDatabase."""
        del old
        call.get("CatalogId")
        source = {"Name": physical_id, **{k: v for k, v in call.get("DatabaseInput").items() if k != "Name"}}
        request = call.request("glue", "UpdateDatabase", {"Name": physical_id, "DatabaseInput": source})
        call.client("glue").update_database(**request)
        return Made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteDatabase, with every table in it, as Glue does."""
        call.client("glue").delete_database(Name=physical_id)


class Table(Handler):
    """AWS::Glue::Table; with OpenTableFormatInput an Iceberg table whose first metadata is really written."""

    def create(self, call: Call) -> Made:
        """CreateTable."""
        call.get("CatalogId")
        database = call.get("DatabaseName")
        open_format = call.get("OpenTableFormatInput")
        source = dict(call.get("TableInput") or {})
        name = source.get("Name") or call.get("Name")
        if not name:
            raise ResourceError("AWS::Glue::Table needs a name: in TableInput, or Name with OpenTableFormatInput")
        if open_format:
            optimizers.create_table(call.context, database, name, open_format["IcebergInput"], source)
        else:
            request = {"DatabaseName": database, "TableInput": {**source, "Name": name}}
            call.client("glue").create_table(**call.request("glue", "CreateTable", request))
        return Made(name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateTable of an external table."""
        del old
        call.get("CatalogId")
        if call.get("OpenTableFormatInput"):
            raise ResourceError("an update in place of an Iceberg table is not emulated: change it by its jobs")
        source = {**call.get("TableInput"), "Name": physical_id}
        request = call.request("glue", "UpdateTable", {"DatabaseName": call.get("DatabaseName"), "TableInput": source})
        call.client("glue").update_table(**request)
        return Made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteTable; its files stay."""
        call.client("glue").delete_table(DatabaseName=call.get("DatabaseName"), Name=physical_id)


class TableOptimizer(Handler):
    """AWS::Glue::TableOptimizer: works once a day of the cloud's clock, by pyiceberg."""

    def create(self, call: Call) -> Made:
        """Begin to look after the table."""
        identity = "|".join((call.get("DatabaseName"), call.get("TableName"), call.get("Type")))
        call.get("CatalogId")
        configuration = call.get("TableOptimizerConfiguration")
        optimizers.put(warehouse.service_of(call.context), identity, configuration)
        return Made(identity)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Take over another configuration."""
        del old
        call.rest()
        optimizers.put(warehouse.service_of(call.context), physical_id, call.get("TableOptimizerConfiguration"))
        return Made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """Stop to look after the table."""
        warehouse.service_of(call.context).optimizers.pop(physical_id, None)


HANDLERS: dict[str, Handler] = {
    "AWS::Glue::Database": Database(),
    "AWS::Glue::Table": Table(),
    "AWS::Glue::TableOptimizer": TableOptimizer(),
}
