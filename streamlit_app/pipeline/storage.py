"""Storage: the sizes of the lake's buckets and of the warehouse's tables."""

import streamlit as st

from streamlit_app import data
from streamlit_app.components import notices, tables
from streamlit_app.data import pipeline
from streamlit_app.format import humanize


@st.fragment(run_every="30s")
def render_storage() -> None:
    with notices.render_errors():
        storage, sizes = data.query_dashboard().storage, pipeline.query_table_sizes()
        lake, warehouse = st.columns(2)
        with lake:
            st.subheader(f"Lake: {humanize.format_size(storage.lake_bytes)}")
            if not storage.lake:
                notices.render_empty_state("The lake is empty.")
            else:
                tables.render_table(
                    tables.build_table_frame(
                        (
                            {
                                "bucket": total.bucket,
                                "kind": str(total.kind),
                                "objects": total.objects,
                                "bytes": total.size_bytes,
                            }
                            for total in storage.lake
                        ),
                        sizes=["bytes"],
                    ),
                    {
                        "bucket": st.column_config.TextColumn("Bucket"),
                        "kind": st.column_config.TextColumn("Kind"),
                        "objects": tables.count_column("Objects"),
                        "bytes": tables.size_column("Size"),
                    },
                    "Objects and size of the lake by bucket and kind",
                )
        with warehouse:
            st.subheader(f"Warehouse: {humanize.format_size(sum(sizes.values()))}")
            largest = sorted(sizes.items(), key=lambda item: -item[1])
            tables.render_table(
                tables.build_table_frame(
                    ({"table": name, "bytes": size} for name, size in largest), sizes=["bytes"]
                ),
                {
                    "table": st.column_config.TextColumn("Table"),
                    "bytes": tables.size_column("Size"),
                },
                "Size of the warehouse by table",
            )
            st.caption("Estimates of the database server. SQLite is a single file.")
