"""One active member: every partition to one worker of a group, the others stand by."""

from __future__ import annotations

from typing import Any

from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor


class SingleActiveAssignor(PartitionAssignor):
    """Gives everything to the member that has it already, or to the first by id.

    An account is one state machine: two workers must never advance it at once. Standbys hold
    nothing and take over when the group loses the active member.
    """

    def _perform_assignment(self, cluster: Any, member_metadata: Any) -> Any:
        metadata = {
            member: self._get_client_metadata(data) for member, data in member_metadata.items()
        }
        holders = [m for m in sorted(metadata) if metadata[m].assignment.actives]
        active = holders[0] if holders else min(metadata)
        whole = super()._perform_assignment(cluster, {active: member_metadata[active]})
        self._update_member_urls(metadata)
        standbys = {
            member: ClientAssignment(actives={}, standbys={})
            for member in metadata
            if member != active
        }
        return {**whole, **self._protocol_assignments(standbys, {}, {}, self._topic_groups)}
