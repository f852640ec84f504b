import { createApp } from "vue";

import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/code.css";
import "../styles/markdown.css";
import "../theme";
import DocsPage from "./DocsPage.vue";

createApp(DocsPage).mount("#app");
