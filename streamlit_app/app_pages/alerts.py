"""Alerts: rules on prices and indicators, and the log of those that fired."""

from streamlit_app import actions, auth
from streamlit_app.alerts import alert_log, rule_form, rule_list

actions.render_requested_dialog()
can_write = auth.render_write_gate()
rule_form.render_rule_form(can_write)
rule_list.render_rule_list(can_write)
alert_log.render_alert_log()
actions.render_messages()
